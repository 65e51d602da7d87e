//! A stage for the tests: a gateway over a small template, whose functions are a closure; every event that a function gets is recorded.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use local::gateway::{Backend, Gateway, Limits};
use local::lambda::{InvokeError, Outcome};
use local::stack::Stack;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;

/// A template with one API of each kind.
pub(crate) const TEMPLATE: &str = r"
Resources:
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration:
        AllowOrigins: ['https://app.example.com']
        AllowMethods: [GET, POST]
        AllowHeaders: [authorization, content-type]
        ExposeHeaders: [x-total]
        AllowCredentials: true
        MaxAge: 600
  Rooms:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: rooms}}
    Properties:
      Events:
        List: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /api/rooms}}
        Make: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: POST, Path: /api/rooms}}
        Read: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: '/api/rooms/{room_id}'}}
        Any: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: ANY, Path: '/any/{proxy+}'}}
  Authorizer:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: authorizer}}
  Connect:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: connect}}
  Send:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: send}}
  Disconnect:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: disconnect}}
  Sockets:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      StageName: ws
      RouteSelectionExpression: $request.body.action
      Auth:
        AuthType: CUSTOM
        AuthArn: !GetAtt Authorizer.Arn
        IdentitySource: [route.request.querystring.ticket]
      Routes:
        $connect: {FunctionArn: !GetAtt Connect.Arn}
        $disconnect: {FunctionArn: !GetAtt Disconnect.Arn}
        $default: {FunctionArn: !GetAtt Send.Arn}
        send: {FunctionArn: !GetAtt Send.Arn, IntegrationTimeout: 300}
        echo: {FunctionArn: !GetAtt Send.Arn, RouteResponseSelectionExpression: $default}
        quiet: {FunctionArn: !GetAtt Send.Arn, RouteResponseSelectionExpression: $default}
  EchoResponse:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Sockets, RouteId: !Ref SocketsEchoRoute, RouteResponseKey: $default}
  Open:
    Type: AWS::Serverless::WebSocketApi
    Properties:
      StageName: open
      RouteSelectionExpression: $request.body.action
      Routes:
        send: {FunctionArn: !GetAtt Send.Arn}
        $disconnect: {FunctionArn: !GetAtt Disconnect.Arn}
";

/// What the closure lets a function do.
pub(crate) enum Act {
    /// It answers with this.
    Answer(Value),
    /// It answers with exactly this text.
    Text(&'static str),
    /// It fails with this error object.
    Fail(Value),
    /// No instance is free.
    Throttle,
    /// It takes its time first.
    Later(Duration, Value),
}

/// `{"statusCode": 200}`.
pub(crate) fn ok() -> Act {
    Act::Answer(json!({ "statusCode": 200 }))
}

/// A policy that lets the client in.
pub(crate) fn allow(event: &Value) -> Act {
    Act::Answer(policy("Allow", &event["methodArn"], &json!({})))
}

pub(crate) fn policy(effect: &str, arn: &Value, context: &Value) -> Value {
    let statement = json!({ "Action": "execute-api:Invoke", "Effect": effect, "Resource": arn });
    json!({ "principalId": "7", "policyDocument": { "Version": "2012-10-17", "Statement": [statement] }, "context": context })
}

/// Lets everybody in and is content with every message.
pub(crate) fn friendly(function: &str, event: &Value) -> Act {
    if function == "Authorizer" { allow(event) } else { ok() }
}

pub(crate) struct Play {
    pub(crate) gateway: Gateway,
    pub(crate) address: SocketAddr,
    events: mpsc::UnboundedReceiver<(String, Value)>,
}

impl Play {
    pub(crate) async fn start(functions: impl Fn(&str, &Value) -> Act + Send + Sync + 'static) -> Self {
        Self::with(Limits { grace: Duration::from_millis(300), ..Limits::default() }, functions).await
    }

    pub(crate) async fn with(limits: Limits, functions: impl Fn(&str, &Value) -> Act + Send + Sync + 'static) -> Self {
        Self::of(&stack(TEMPLATE), limits, functions).await
    }

    pub(crate) async fn of(
        stack: &Stack,
        limits: Limits,
        functions: impl Fn(&str, &Value) -> Act + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (recorder, events) = mpsc::unbounded_channel();
        let functions = Arc::new(functions);
        let backend = Backend::Memory(Arc::new(move |function, payload: Bytes| {
            let event: Value = serde_json::from_slice(&payload).unwrap();
            let act = functions(&function, &event);
            // The test may have ended before the last events.
            drop(recorder.send((function, event)));
            async move { perform(act).await }.boxed()
        }));
        let gateway = Gateway::start(listener, stack, backend, limits, None).unwrap();
        let address = gateway.address();
        Self { gateway, address, events }
    }

    /// The next event that a function of that name gets; those of others are passed over.
    pub(crate) async fn event(&mut self, function: &str) -> Value {
        loop {
            let next = timeout(Duration::from_secs(5), self.events.recv()).await;
            let (name, event) = next.unwrap_or_else(|_| panic!("{function} was not invoked")).unwrap();
            if name == function {
                return event;
            }
        }
    }

    /// Stops the gateway and gives the events that nobody has asked for.
    pub(crate) async fn stop(mut self) -> Vec<(String, Value)> {
        self.gateway.stop().await;
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Names of the functions that were invoked and not asked for yet.
    pub(crate) fn invoked(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.events.try_recv().ok()).map(|(name, _)| name).collect()
    }
}

/// The stack of a template's text.
pub(crate) fn stack(text: &str) -> Stack {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, text).unwrap();
    local::template::load(&path, &BTreeMap::new()).unwrap()
}

async fn perform(act: Act) -> Result<Outcome, InvokeError> {
    match act {
        Act::Answer(value) => Ok(Outcome::Success(value.to_string().into())),
        Act::Text(text) => Ok(Outcome::Success(text.into())),
        Act::Fail(error) => Ok(Outcome::FunctionError(error.to_string().into())),
        Act::Throttle => Err(InvokeError::Throttled { reason: "ConcurrentInvocationLimitExceeded" }),
        Act::Later(time, value) => {
            tokio::time::sleep(time).await;
            Ok(Outcome::Success(value.to_string().into()))
        }
    }
}
