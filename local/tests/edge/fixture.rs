//! Test fixture: a gateway over a small template with a closure as its functions; records every event.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use local::gateway::{Backend, Gateway, GatewayOptions, Limits, Tls};
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

/// The behaviour of a function.
pub(crate) enum Behavior {
    /// Returns this value.
    Answer(Value),
    /// Returns exactly this text.
    Text(&'static str),
    /// Fails with this error object.
    Fail(Value),
    /// Is throttled.
    Throttle,
    /// Returns this value after a delay.
    Later(Duration, Value),
}

/// `{"statusCode": 200}`
pub(crate) fn ok() -> Behavior {
    Behavior::Answer(json!({ "statusCode": 200 }))
}

/// A policy that allows the connection.
pub(crate) fn allow(event: &Value) -> Behavior {
    Behavior::Answer(policy("Allow", &event["methodArn"], &json!({})))
}

pub(crate) fn policy(effect: &str, arn: &Value, context: &Value) -> Value {
    let statement = json!({ "Action": "execute-api:Invoke", "Effect": effect, "Resource": arn });
    json!({ "principalId": "7", "policyDocument": { "Version": "2012-10-17", "Statement": [statement] }, "context": context })
}

/// Allows every connection and accepts every message.
pub(crate) fn friendly(function: &str, event: &Value) -> Behavior {
    if function == "Authorizer" { allow(event) } else { ok() }
}

pub(crate) struct Fixture {
    pub(crate) gateway: Gateway,
    pub(crate) address: SocketAddr,
    /// The certificate of the authority that clients of TLS must trust.
    pub(crate) authority: String,
    events: mpsc::UnboundedReceiver<(String, Value)>,
}

impl Fixture {
    pub(crate) async fn start(functions: impl Fn(&str, &Value) -> Behavior + Send + Sync + 'static) -> Self {
        Self::with(Limits { grace: Duration::from_millis(300), ..Limits::default() }, functions).await
    }

    pub(crate) async fn with(limits: Limits, functions: impl Fn(&str, &Value) -> Behavior + Send + Sync + 'static) -> Self {
        Self::of(&stack(TEMPLATE), limits, functions).await
    }

    pub(crate) async fn of(
        stack: &Stack,
        limits: Limits,
        functions: impl Fn(&str, &Value) -> Behavior + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (recorder, events) = mpsc::unbounded_channel();
        let functions = Arc::new(functions);
        let backend = Backend::Memory(Arc::new(move |function, payload: Bytes| {
            let event: Value = serde_json::from_slice(&payload).unwrap();
            let act = functions(&function, &event);
            // The test may end before the last events.
            drop(recorder.send((function, event)));
            async move { perform(act).await }.boxed()
        }));
        let address = listener.local_addr().unwrap();
        let tls = Tls::new(address.ip()).unwrap();
        let authority = tls.authority().to_owned();
        let options = GatewayOptions { limits, tls: Some(tls), ..GatewayOptions::default() };
        let gateway = Gateway::start(listener, stack, backend, options).unwrap();
        Self { gateway, address, authority, events }
    }

    /// The next event of this function; skips those of others.
    pub(crate) async fn event(&mut self, function: &str) -> Value {
        loop {
            let next = timeout(Duration::from_secs(5), self.events.recv()).await;
            let (name, event) = next.unwrap_or_else(|_| panic!("{function} was not invoked")).unwrap();
            if name == function {
                return event;
            }
        }
    }

    /// Stops the gateway and returns the remaining events.
    pub(crate) async fn stop(mut self) -> Vec<(String, Value)> {
        self.gateway.stop().await;
        std::iter::from_fn(|| self.events.try_recv().ok()).collect()
    }

    /// Names of invoked functions since the last query.
    pub(crate) fn invoked(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.events.try_recv().ok()).map(|(name, _)| name).collect()
    }
}

/// Parses a template.
pub(crate) fn stack(text: &str) -> Stack {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, text).unwrap();
    local::template::load(&path, &BTreeMap::new()).unwrap()
}

async fn perform(act: Behavior) -> Result<Outcome, InvokeError> {
    match act {
        Behavior::Answer(value) => Ok(Outcome::Success(value.to_string().into())),
        Behavior::Text(text) => Ok(Outcome::Success(text.into())),
        Behavior::Fail(error) => Ok(Outcome::FunctionError(error.to_string().into())),
        Behavior::Throttle => Err(InvokeError::Throttled { reason: "ConcurrentInvocationLimitExceeded" }),
        Behavior::Later(time, value) => {
            tokio::time::sleep(time).await;
            Ok(Outcome::Success(value.to_string().into()))
        }
    }
}
